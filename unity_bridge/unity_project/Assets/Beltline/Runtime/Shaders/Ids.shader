// Ids and depth of the renderers that a camera sees (pass 0), and where one of them would show alone (pass 1).
// HDRP gives positions relative to the camera; SetShaderUserValue gives each renderer its number.
Shader "Beltline/Ids"
{
    SubShader
    {
        Tags { "RenderPipeline" = "HDRenderPipeline" }

        HLSLINCLUDE
        #pragma target 4.5
        #pragma only_renderers vulkan d3d11 metal
        #pragma multi_compile_instancing
        #include "Packages/com.unity.render-pipelines.core/ShaderLibrary/Common.hlsl"
        #include "Packages/com.unity.render-pipelines.high-definition/Runtime/ShaderLibrary/ShaderVariables.hlsl"

        struct Attributes
        {
            float3 position : POSITION;
            UNITY_VERTEX_INPUT_INSTANCE_ID
        };

        struct Varyings
        {
            float4 position : SV_POSITION;
            float depth : TEXCOORD0;
            UNITY_VERTEX_INPUT_INSTANCE_ID
        };

        Varyings Vertex(Attributes input)
        {
            Varyings output;
            UNITY_SETUP_INSTANCE_ID(input);
            UNITY_TRANSFER_INSTANCE_ID(input, output);
            float3 positionRWS = TransformObjectToWorld(input.position);
            output.position = TransformWorldToHClip(positionRWS);
            // Along the optical axis; a view looks along its own -z.
            output.depth = -mul(UNITY_MATRIX_V, float4(positionRWS, 1.0)).z;
            return output;
        }
        ENDHLSL

        Pass
        {
            Name "Rows"
            Cull Off
            ZWrite On
            ZTest LEqual
            Blend Off

            HLSLPROGRAM
            #pragma vertex Vertex
            #pragma fragment Fragment

            struct Output
            {
                uint row : SV_Target0;
                float depth : SV_Target1;
            };

            Output Fragment(Varyings input)
            {
                UNITY_SETUP_INSTANCE_ID(input);
                Output output;
                output.row = unity_RendererUserValue;
                output.depth = input.depth;
                return output;
            }
            ENDHLSL
        }

        Pass
        {
            Name "Alone"
            Cull Off
            ZWrite Off
            ZTest Always
            Blend Off

            HLSLPROGRAM
            #pragma vertex Vertex
            #pragma fragment Fragment

            float Fragment(Varyings input) : SV_Target0
            {
                return 1.0;
            }
            ENDHLSL
        }
    }
}
